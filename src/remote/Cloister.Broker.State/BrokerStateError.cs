namespace Cloister.Broker.State;

/// <summary>Why an operation on the broker's state failed.</summary>
public enum BrokerStateError
{
    /// <summary>The database does not answer, or failed. Whether a write was made is unknown.</summary>
    Unavailable,

    /// <summary>There is no such record.</summary>
    NotFound,

    /// <summary>There is one already.</summary>
    Exists,

    /// <summary>The record's present state does not allow it.</summary>
    Refused,

    /// <summary>What may be used once was used.</summary>
    Used,

    /// <summary>A row that decides was changed since the decision that a write rests on.</summary>
    Changed,

    /// <summary>The database was made by a newer program.</summary>
    NewerSchema,

    /// <summary>A row that decides is not what a broker made it, or the database went back. The message names it and says what to do.</summary>
    NotAuthentic,

    /// <summary>The audit log in the database is not one that goes on from what the broker has seen of it: an old database was put back, or somebody changed it.</summary>
    AuditConflict,

    /// <summary>The database address cannot be read.</summary>
    BadAddress,
}
