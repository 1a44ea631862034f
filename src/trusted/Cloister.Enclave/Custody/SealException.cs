namespace Cloister.Enclave.Custody;

/// <summary>A sealed copy that cannot be opened or written. The message says what to do.</summary>
public sealed class SealException : Exception
{
    /// <summary>Makes the failure.</summary>
    public SealException(string message)
        : base(message)
    {
    }
}
