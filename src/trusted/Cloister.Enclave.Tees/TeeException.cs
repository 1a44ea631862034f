namespace Cloister.Enclave.Tees;

/// <summary>The TEE does not give what it should. The message says what to do. secrets: none.</summary>
internal sealed class TeeException : Exception
{
    /// <summary>Makes the failure.</summary>
    /// <param name="message">What is wrong and what to do.</param>
    /// <param name="isPassing">Whether trying again later can help without anybody doing anything.</param>
    internal TeeException(string message, bool isPassing = false)
        : base(message)
    {
        IsPassing = isPassing;
    }

    internal bool IsPassing { get; }
}
