namespace Cloister.Enclave.Custody;

/// <summary>A sealed copy that cannot be opened or written. The message says what to do. secrets: none.</summary>
public sealed class SealException : Exception
{
    /// <summary>Makes the failure.</summary>
    /// <param name="message">What is wrong and what to do.</param>
    /// <param name="isTransient">Whether the same may work later: nothing is wrong with the copy itself.</param>
    public SealException(string message, bool isTransient = false)
        : base(message)
    {
        IsTransient = isTransient;
    }

    /// <summary>Whether the same may work later. What does not open is wrong for ever.</summary>
    public bool IsTransient { get; }
}
