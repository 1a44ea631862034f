using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Contracts.Wire;

namespace Cloister.Fuzz.Targets;

/// <summary>The EDEK reader: what it accepts, its parts put together again give the input byte for byte.</summary>
internal sealed class EdekTarget : IFuzzTarget
{
    public string Name => "edek";

    public IReadOnlyList<byte[]> Seeds { get; } = [Sample(EdekSuite.Kek, 0), Sample(EdekSuite.RemoteDek, 100), Sample(EdekSuite.Remote, 0), Sample(EdekSuite.RemoteDek, Edek.MaxWrappedDekSize)];

    public bool Run(ReadOnlySpan<byte> input)
    {
        Edek edek;
        try
        {
            edek = Edek.Parse(input);
        }
        catch (WireException)
        {
            return false;
        }

        Span<byte> again = new byte[Edek.MaxSize];
        int length = Edek.WriteBound(again, edek.Suite, edek.Kek, edek.WrappedDek);
        edek.Nonce.CopyTo(again[length..]);
        length += edek.Nonce.Length;
        edek.Payload.CopyTo(again[length..]);
        length += edek.Payload.Length;
        return input.SequenceEqual(again[..length]) ? true : throw new InvalidOperationException("the parts do not give the input again");
    }

    private static byte[] Sample(EdekSuite suite, int wrapped)
    {
        byte[] edek = new byte[Edek.MaxSize];
        int bound = Edek.WriteBound(edek, suite, new KeyFingerprint(new byte[KeyFingerprint.Size]), new byte[wrapped]);
        return edek[..Math.Min(Edek.MaxSize, bound + Edek.NonceSize + 32 + Edek.TagSize)];
    }
}
