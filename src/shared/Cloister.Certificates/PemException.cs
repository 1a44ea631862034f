namespace Cloister.Certificates;

/// <summary>A PEM file is not what is needed. The message names the file, says what is wrong and what to do, and holds nothing of its content.</summary>
public sealed class PemException : Exception
{
    /// <summary>Says what is wrong.</summary>
    public PemException(string message)
        : base(message)
    {
    }
}
