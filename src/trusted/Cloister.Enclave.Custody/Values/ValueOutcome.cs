namespace Cloister.Enclave.Custody.Values;

/// <summary>What reading one stored value came to. secrets: none.</summary>
public enum ValueOutcome
{
    /// <summary>The plaintext was written.</summary>
    Decrypted,

    /// <summary>Not ours (another provider), or plaintext that may be read: the API server gets it as it is.</summary>
    PassThrough,

    /// <summary>Plaintext, or another provider's, where none may be.</summary>
    Refused,

    /// <summary>Ours and under a KEK that is here, but it does not open: changed, or moved to another key.</summary>
    Undecryptable,

    /// <summary>Ours, and under a KEK that is not here: what it holds cannot be told.</summary>
    KekAbsent,
}
