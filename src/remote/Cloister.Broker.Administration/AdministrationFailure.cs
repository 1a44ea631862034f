namespace Cloister.Broker.Administration;

/// <summary>Why an act was refused.</summary>
public enum AdministrationFailure
{
    /// <summary>Not as things are.</summary>
    Refused,

    /// <summary>What was asked is not well-formed.</summary>
    BadRequest,

    /// <summary>The administrator lacks a role, which the message names.</summary>
    RoleRequired,

    /// <summary>There is nothing of that name.</summary>
    NotFound,

    /// <summary>The database or the key store does not answer; what was asked may have been done.</summary>
    Unavailable,
}
