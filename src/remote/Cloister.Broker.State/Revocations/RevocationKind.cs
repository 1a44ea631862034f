namespace Cloister.Broker.State.Revocations;

/// <summary>What is revoked.</summary>
public enum RevocationKind
{
    /// <summary>One life of one enclave.</summary>
    Instance,

    /// <summary>Every enclave of a measurement.</summary>
    Measurement,

    /// <summary>Every enclave on a platform.</summary>
    Platform,

    /// <summary>A KEK, for everybody.</summary>
    Kek,
}
