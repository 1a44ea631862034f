namespace Cloister.Enclave.Base;

/// <summary>An enclave that cannot start as configured. The message says what to do.</summary>
public sealed class StartException : Exception
{
    /// <summary>Makes the failure.</summary>
    public StartException(string message)
        : base(message)
    {
    }
}
