using System.Text;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Gateway.Tests.Http2;

/// <summary>What is encoded decodes to the same, block after block, whatever the peer's table may hold.</summary>
public sealed class HpackEncoderTests
{
    private static readonly string[] Call =
    [
        ":method: POST", ":scheme: https", ":path: /etcdserverpb.KV/Range", ":authority: 127.0.0.1:2379", "content-type: application/grpc", "te: trailers",
    ];

    [Fact]
    public void WhatIsSentAgainTakesAByte()
    {
        HpackEncoder encoder = new();
        HpackDecoder decoder = new();
        for (int i = 0; i < 200; i++)
        {
            string[] call = [.. Call, $"grpc-timeout: {i}m"];
            byte[] block = encoder.Encode(Fields(call)).ToArray();
            Assert.Equal(call, Text(decoder.Decode(block)));
            if (i > 0)
            {
                Assert.Equal(Call.Length + 1 + 1 + "grpc-timeout".Length + 1 + $"{i}m".Length, block.Length);
            }
        }
    }

    [Fact]
    public void AwkwardFieldsStayAsTheyAre()
    {
        List<HeaderField> fields =
        [
            new(":status"u8.ToArray(), "200"u8.ToArray()),
            new("grpc-message"u8.ToArray(), [.. Enumerable.Range(0, 256).Select(i => (byte)i)]),
            new("empty"u8.ToArray(), []),
            new("long"u8.ToArray(), [.. Enumerable.Repeat((byte)'y', 5000)]),
            new([.. Enumerable.Repeat((byte)'n', 127)], "z"u8.ToArray()),
        ];
        HpackEncoder encoder = new();
        HpackDecoder decoder = new();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(Text(fields), Text(decoder.Decode(encoder.Encode(fields))));
        }
    }

    // RFC 7541, 6.2.3: an intermediary keeps out of its table what its sender kept out.
    [Fact]
    public void WhatIsSensitiveStaysOutOfEveryTable()
    {
        HpackDecoder received = new();
        HpackEncoder encoder = new();
        List<HeaderField> fields = received.Decode([0x10, 5, .. "token"u8, 6, .. "secret"u8]);
        for (int i = 0; i < 2; i++)
        {
            byte[] block = encoder.Encode(fields).ToArray();
            Assert.Equal(0x10, block[0]);
            Assert.True(Assert.Single(new HpackDecoder().Decode(block)).Sensitive);
        }
    }

    [Fact]
    public void ASmallerTableIsAnnouncedOnceAndKept()
    {
        HpackEncoder encoder = new();
        HpackDecoder decoder = new();
        decoder.Decode(encoder.Encode(Fields(Call)));

        // Down and up again between two blocks: the peer's entries are gone, so both sizes are said. Source: RFC 7541, section 4.2.
        encoder.Resize(0);
        encoder.Resize(8192);
        byte[] block = encoder.Encode(Fields(Call)).ToArray();
        Assert.Equal([0x20, 0x3f, 0xe1, 0x1f], block[..4]);
        Assert.Equal(Call, Text(decoder.Decode(block)));
        Assert.Equal(Call.Length, encoder.Encode(Fields(Call)).Length);
        encoder.Resize(4096);
        Assert.Equal(Call.Length, encoder.Encode(Fields(Call)).Length);
    }

    [Fact]
    public void RandomBlocksAndSizesStayInStep()
    {
        Random random = new(7541);
        HpackEncoder encoder = new();
        HpackDecoder decoder = new();
        for (int i = 0; i < 20_000; i++)
        {
            if (random.Next(50) == 0)
            {
                encoder.Resize((uint)random.Next(0, 6000));
            }

            // Few names and values, so that most were there before, and are pushed out again.
            string[] fields = [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => $"name-{random.Next(8)}: {new string((char)('a' + random.Next(4)), random.Next(0, 300))}")];
            Assert.Equal(fields, Text(decoder.Decode(encoder.Encode(Fields(fields)))));
        }
    }

    private static List<HeaderField> Fields(string[] lines) =>
        [.. lines.Select(line => line.LastIndexOf(": ", StringComparison.Ordinal)).Zip(lines, (at, line) =>
            new HeaderField(Encoding.Latin1.GetBytes(line[..at]), Encoding.Latin1.GetBytes(line[(at + 2)..])))];

    private static string[] Text(List<HeaderField> fields) => [.. fields.Select(field => $"{Encoding.Latin1.GetString(field.Name)}: {Encoding.Latin1.GetString(field.Value)}")];
}
