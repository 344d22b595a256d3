// Styles that a script takes in; the build puts them into a file beside it.
declare module "*.css";
