namespace Cloister.Sockets;

/// <summary>A socket that cannot be opened safely. The message says what to do.</summary>
public sealed class ListenException : Exception
{
    /// <summary>Makes the failure.</summary>
    public ListenException(string message)
        : base(message)
    {
    }
}
