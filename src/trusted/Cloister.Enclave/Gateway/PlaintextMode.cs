namespace Cloister.Enclave.Gateway;

/// <summary>What becomes of plaintext that etcd holds under a covered prefix. secrets: none.</summary>
public enum PlaintextMode
{
    /// <summary>It is read as it is, so that a cluster can be taken over while it runs.</summary>
    Adopt,

    /// <summary>It is refused: whoever writes etcd cannot slip in a Secret of his own.</summary>
    Sealed,
}
