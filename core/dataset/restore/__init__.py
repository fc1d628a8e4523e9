"""Labels back into Label Studio: what files hold, what the project has, what is to be done."""
