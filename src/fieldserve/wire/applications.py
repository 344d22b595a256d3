"""What the operator's side answers about applications, their authorizations and sellers, when it refuses."""

from fieldserve.wire.errors import Says

NO_APPLICATION = Says(404, "NotFound", "There is no application {application_id}.", "the id is unknown")
NO_SELLER = Says(404, "NotFound", "There is no seller {seller_id}.", "the id is unknown")
NO_AUTHORIZATION = Says(404, "NotFound", "There is no authorization {authorization_id}.", "the id is unknown")
DISABLED = Says(409, "Conflict", "The application {application_id} is disabled.", "it can be given nothing new")
INVALID = Says(400, "InvalidInput", "Missing or invalid request parameters: [{names}]", "details say what and why")
