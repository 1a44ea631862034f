namespace Cloister.KeyStores;

/// <summary>A key store that did not do what was asked. The message is for operators and holds no secrets.</summary>
public sealed class KeyStoreException : Exception
{
    /// <summary>Makes the failure.</summary>
    public KeyStoreException(KeyStoreFailure failure, string message, Exception? inner = null)
        : base(message, inner)
    {
        Failure = failure;
    }

    /// <summary>Why.</summary>
    public KeyStoreFailure Failure { get; }
}

/// <summary>Why a key store did not do what was asked.</summary>
public enum KeyStoreFailure
{
    /// <summary>It does not answer, or says to try again.</summary>
    Unavailable,

    /// <summary>It refuses, or cannot do that by its nature.</summary>
    Denied,

    /// <summary>It has no such KEK.</summary>
    Unknown,

    /// <summary>It has another KEK of that name.</summary>
    Exists,

    /// <summary>What it keeps does not open: changed, or made with another root key.</summary>
    Damaged,
}
