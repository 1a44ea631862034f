namespace Cloister.Enclave.Services.Secrets;

/// <summary>What became of one value. Numbers are those of <c>Outcome</c> in proto/cloister/secrets.proto. secrets: none.</summary>
internal enum ItemOutcome
{
    /// <summary>Decrypted, or written again.</summary>
    Done = 1,

    /// <summary>Under the current KEK already.</summary>
    Unchanged = 2,

    /// <summary>Plaintext, or of another provider.</summary>
    Foreign = 3,

    /// <summary>Of this provider, and does not open.</summary>
    Undecryptable = 4,

    /// <summary>The KEK that a rule names for its namespace is not here: it cannot be written again.</summary>
    NoKek = 5,

    /// <summary>It opens, and what it holds is encrypted by this provider as well.</summary>
    EncryptedTwice = 6,
}
