"""People who use the console, on the wire."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import Ask, Name, SellerId, TechnicianId
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part

Role = Literal["admin", "dispatcher", "analyst", "developer", "technician"]

SHORTEST_PASSWORD = 12
"""Characters. NIST's SP 800-63B asks for length, and for nothing about kinds of characters; neither do we."""
LONGEST_PASSWORD = 200

USER_ID = Parameter("userId", "path", required=True, min_length=1, max_length=100, says="the user")
OF_SELLER = Parameter(
    "sellerId", "query", max_length=20, says="only users of this seller; all, and those of the operator, if absent"
)

NO_USER = Says(404, "NotFound", "There is no user with id {user_id}.", "no user has that id")
USER_EXISTS = Says(409, "Conflict", "Somebody signs in as {login} already.", "the login is taken")

Login = Annotated[str, Meta(min_length=3, max_length=200, pattern=r"^[^\s@/]+(@[^\s@/]+)?$(?!\n)")]
"""What a person signs in by, such as an e-mail address; upper and lower case are one."""


class CreateUser(Ask):
    """A person. Without a `sellerId` they are of the operator's house: as admins they open every seller's pages.

    A technician needs the `technicianId` that they drive as, nobody else has one. Without a password one is made up."""

    login: Login
    name: Name
    role: Role
    seller_id: SellerId | None = None
    technician_id: TechnicianId | None = None
    password: Annotated[str, Meta(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)] | None = None

    def __repr__(self) -> str:  # the default one would carry the password into logs and tracebacks
        return f"CreateUser(login={self.login!r}, role={self.role!r}, …)"


class UpdateUser(Ask):
    """`disabled` true ends all their sessions; `secondFactor` can only be taken away here, by false."""

    name: Name | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    technician_id: TechnicianId | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET
    second_factor: bool | UnsetType = UNSET


class UserRecord(Part):
    user_id: str
    login: str
    name: str
    role: Role
    created_at: str
    second_factor: bool
    seller_id: str | None = None
    technician_id: str | None = None
    disabled_at: str | None = None


class UserWithPassword(Part):
    """A user and the password that was made up for them, told this once; absent where one was given."""

    user: UserRecord
    password: str | None = None

    def __repr__(self) -> str:
        return f"UserWithPassword({self.user.login!r}, …)"


class UserListing(Part):
    """A page by login; `next` is there where more follow."""

    users: list[UserRecord]
    next: str | None = None


def user_faults(role: Role, technician_id: str | None, seller_id: str | None) -> list[ParameterFault]:
    """What of a user does not go together."""
    if (role == "technician") != (technician_id is not None):
        return [ParameterFault("technicianId", "technicianId goes with the role technician, and only with it")]
    if role == "technician" and not seller_id:
        return [ParameterFault("sellerId", "a technician belongs to a seller: sellerId is required")]
    return []
