namespace Cloister.Fuzz.Targets;

/// <summary>A connection: gives the input, takes everything.</summary>
internal sealed class Replay(byte[] input) : MemoryStream(input, writable: false)
{
    public override void Write(ReadOnlySpan<byte> buffer)
    {
    }
}
