namespace Cloister.Broker.Administration;

/// <summary>What an administrator may do. A role includes nothing of the others: who is to do more gets more.</summary>
[Flags]
public enum AdministratorRole
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Reads everything but keys.</summary>
    Auditor = 1,

    /// <summary>Sets policies, makes and rotates KEKs, revokes.</summary>
    Operator = 2,

    /// <summary>Disables and destroys KEK versions, takes recovery shares, restores.</summary>
    KeyCustodian = 4,
}
