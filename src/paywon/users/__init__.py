"""An application's own users: who they are, by the tokens that the application gives them."""
