namespace Cloister.Enclave.Broker;

/// <summary>Why a broker did not do what was asked. secrets: none.</summary>
public enum BrokerFailure
{
    /// <summary>No broker answered, or it said to try again.</summary>
    Unavailable,

    /// <summary>It refused, or what it answered is not to be believed.</summary>
    Refused,

    /// <summary>Enclave, measurement, platform or KEK was revoked: keys are to be wiped at once.</summary>
    Revoked,

    /// <summary>It has no such KEK or version for this cluster.</summary>
    NotFound,

    /// <summary>It does not know the token, or the token is over: the lease is to be renewed.</summary>
    LeaseOver,

    /// <summary>This program failed before a broker could answer: nobody refused anything.</summary>
    Fault,
}
