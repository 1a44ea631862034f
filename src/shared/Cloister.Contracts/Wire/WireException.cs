namespace Cloister.Contracts.Wire;

/// <summary>Bytes that are not a well-formed message of the format they should be. The message names field and offset, never the bytes.</summary>
public sealed class WireException : Exception
{
    /// <summary>Makes the error for a place in the input.</summary>
    /// <param name="what">What was expected, in words.</param>
    /// <param name="offset">Offset in bytes from the start of the input.</param>
    public WireException(string what, int offset)
        : base($"{what} at offset {offset}")
    {
        Offset = offset;
    }

    /// <summary>Offset in bytes from the start of the input.</summary>
    public int Offset { get; }
}
