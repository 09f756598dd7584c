"""The command line of mxgateway: `mxgw-py`. The library never imports this package."""
