"""How accurate it is: convergence studies and manufactured solutions."""
