using System.Buffers.Binary;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>
/// Header blocks of one connection, each behind its length in two bytes. Read, or refused with an error of HTTP/2; within the limits of
/// lists and table; and what was read comes back from literals, and from the encoder with its table, whose size changes meanwhile.
/// </summary>
internal sealed class HpackTarget : IFuzzTarget
{
    private const int LengthSize = 2;
    private const int FirstDynamic = 62;

    public string Name => "hpack";

    // RFC 7541, appendix C.3, C.4 and C.6, and tables that are changed in size.
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Input("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"),
        Input("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"),
        Input(
            "3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"),
        Input("203fe11f4001610162", "be20be"),
        Input("100870617373776f726406736563726574", "040c2f73616d706c652f70617468"),
    ];

    public byte[] Mutate(Mutator mutator, IReadOnlyList<byte[]> corpus) => mutator.Random.Next(3) == 0
        ? mutator.Mutate(corpus)
        : Join(PieceMutator.Mutate(mutator, Blocks(mutator.Any(corpus)), Blocks(mutator.Any(corpus)), block => mutator.Change(block, corpus)));

    public bool Run(ReadOnlySpan<byte> input)
    {
        HpackDecoder decoder = new();
        HpackDecoder literals = new();
        HpackEncoder encoder = new();
        HpackDecoder encoded = new();
        bool valid = true;
        foreach (byte[] block in Blocks(input.ToArray()))
        {
            try
            {
                List<HeaderField> fields = decoder.Decode(block);
                Require(fields.Sum(field => field.Size) <= HpackDecoder.MaxListSize, "a list is larger than the limit");
                Require(Same(literals.Decode(HeaderLiterals.Block(fields)), fields), "headers do not come back from literals");
                if (block.Length > 1 && (block[0] & 0xE0) == 0x20)
                {
                    // Smaller, and larger again before anything is sent.
                    encoder.Resize((uint)(block[^1] * 20));
                    encoder.Resize((uint)(block[1] * 40));
                }

                Require(Same(encoded.Decode(encoder.Encode(fields)), fields), "headers do not come back from the encoder");
            }
            catch (Http2Exception e) when (e.Fault.Code is Http2ErrorCode.CompressionError or Http2ErrorCode.EnhanceYourCalm)
            {
                // The connection ends here.
                valid = false;
                break;
            }
        }

        Require(TableOf(decoder) <= HpackDecoder.TableSize, "the table is larger than the limit");
        return valid;
    }

    // Asked for one entry after the other, as a peer can, until there is none.
    private static int TableOf(HpackDecoder decoder)
    {
        int size = 0;
        for (int index = FirstDynamic; ; index++)
        {
            try
            {
                int rest = index - 127;
                byte[] block = rest < 0 ? [(byte)(0x80 | index)] : rest < 0x80 ? [0xFF, (byte)rest] : [0xFF, (byte)((rest & 0x7F) | 0x80), (byte)(rest >> 7)];
                size += decoder.Decode(block).Single().Size;
            }
            catch (Http2Exception)
            {
                return size;
            }
        }
    }

    private static bool Same(List<HeaderField> one, List<HeaderField> other) =>
        one.Count == other.Count && one.Zip(other).All(pair => pair.First.Name.AsSpan().SequenceEqual(pair.Second.Name) && pair.First.Value.AsSpan().SequenceEqual(pair.Second.Value));

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException(what);
        }
    }

    private static byte[] Input(params string[] blocks) => Join(blocks.Select(Convert.FromHexString));

    private static byte[] Join(IEnumerable<byte[]> blocks) =>
        [.. blocks.Select(block => block.Length > ushort.MaxValue ? block[..ushort.MaxValue] : block).SelectMany(block => (byte[])[(byte)(block.Length >> 8), (byte)(block.Length & 0xFF), .. block])];

    private static List<byte[]> Blocks(byte[] input)
    {
        List<byte[]> blocks = [];
        for (int start = 0; input.Length - start >= LengthSize;)
        {
            int length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(input.AsSpan(start)), input.Length - start - LengthSize);
            blocks.Add(input[(start + LengthSize)..(start + LengthSize + length)]);
            start += LengthSize + length;
        }

        return blocks;
    }
}
