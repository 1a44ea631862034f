namespace Cloister.Enclave.Custody.Values;

/// <summary>What becomes of values under a covered prefix that etcd holds and this provider did not encrypt. secrets: none.</summary>
public enum PlaintextMode
{
    /// <summary>They are read as they are, so that a cluster can be taken over while it runs.</summary>
    Adopt,

    /// <summary>They are refused: whoever writes etcd cannot slip in a Secret of his own.</summary>
    Sealed,
}
