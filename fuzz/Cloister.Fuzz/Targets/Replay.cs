using Cloister.Enclave.Wire.Http2;

namespace Cloister.Fuzz.Targets;

/// <summary>A connection: gives the input, takes everything.</summary>
internal sealed class Replay(byte[] input) : MemoryStream(input, writable: false)
{
    public override void Write(ReadOnlySpan<byte> buffer)
    {
    }

    /// <summary>Reads an input to its end; false when it is refused with an error of HTTP/2.</summary>
    internal static bool IsReadToEnd(FramePump pump)
    {
        try
        {
            pump.Run();
            return true;
        }
        catch (Http2Exception)
        {
            return false;
        }
    }
}
