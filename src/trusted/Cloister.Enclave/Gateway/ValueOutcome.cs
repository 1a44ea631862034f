namespace Cloister.Enclave.Gateway;

/// <summary>What reading one stored value came to. secrets: none.</summary>
public enum ValueOutcome
{
    /// <summary>The plaintext was written.</summary>
    Decrypted,

    /// <summary>Not ours (another provider), or plaintext that may be read: the API server gets it as it is.</summary>
    PassThrough,

    /// <summary>Plaintext where none may be.</summary>
    Refused,

    /// <summary>Ours, but it does not open: changed, moved to another key, or under a KEK that is not here.</summary>
    Undecryptable,
}
