using System.Text;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Gateway.Tests.Http2;

/// <summary>HPACK against RFC 7541's own examples (appendix C), and against what is not HPACK.</summary>
public sealed class HpackTests
{
    private const string RequestOne = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com";
    private const string RequestTwo = RequestOne + "\ncache-control: no-cache";
    private const string RequestThree = ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value";
    private const string Private = "cache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com";
    private const string ResponseThree =
        ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\nlocation: https://www.example.com\ncontent-encoding: gzip\n"
        + "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

    // A change of the table's size to 256, as the examples of responses assume.
    private const string Table256 = "3fe101";

    public static TheoryData<string[], string[]> Examples => new()
    {
        { ["400a637573746f6d2d6b65790d637573746f6d2d686561646572"], ["custom-key: custom-header"] },
        { ["040c2f73616d706c652f70617468"], [":path: /sample/path"] },
        { ["100870617373776f726406736563726574"], ["password: secret"] },
        { ["82"], [":method: GET"] },
        {
            ["828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"],
            [RequestOne, RequestTwo, RequestThree]
        },
        {
            ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"],
            [RequestOne, RequestTwo, RequestThree]
        },
        {
            [
                Table256 + "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
                "4803333037c1c0bf",
                "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
            ],
            [":status: 302\n" + Private, ":status: 307\n" + Private, ResponseThree]
        },
        {
            [
                Table256 + "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
                "4883640effc1c0bf",
                "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
            ],
            [":status: 302\n" + Private, ":status: 307\n" + Private, ResponseThree]
        },
    };

    [Theory]
    [MemberData(nameof(Examples))]
    public void TheExamplesOfTheStandardDecode(string[] blocks, string[] expected)
    {
        HpackDecoder decoder = new();
        Assert.Equal(expected, blocks.Select(block => Text(decoder.Decode(Convert.FromHexString(block)))));
    }

    [Theory]
    [InlineData("80")]
    [InlineData("be")]
    [InlineData("ff80808001")]
    [InlineData("40")]
    [InlineData("4001")]
    [InlineData("400161")]
    [InlineData("40016101")]
    [InlineData("823fe101")]
    [InlineData("3fe21f")]
    [InlineData("ff")]
    [InlineData("0081ff0161")]
    [InlineData("0084ffffffff0161")]
    [InlineData("0081000161")]
    public void WhatIsNotHpackEndsTheConnection(string block)
    {
        Http2Exception refused = Assert.Throws<Http2Exception>(() => new HpackDecoder().Decode(Convert.FromHexString(block)));
        Assert.Equal(Http2ErrorCode.CompressionError, refused.Fault.Code);
    }

    [Fact]
    public void AListOfHeadersIsBounded()
    {
        // One entry of the table, named again and again: few bytes on the wire, many when decoded.
        byte[] literal = [0x40, 1, (byte)'a', 0x7f, 0x81, 0x1e, .. Enumerable.Repeat((byte)'x', 4000 - 32)];
        literal[4] = 0x80 | ((4000 - 32 - 127) & 0x7f);
        literal[5] = (4000 - 32 - 127) >> 7;
        HpackDecoder decoder = new();
        Assert.Single(decoder.Decode(literal));
        Assert.Equal(4, decoder.Decode([0xbe, 0xbe, 0xbe, 0xbe]).Count);
        Http2Exception refused = Assert.Throws<Http2Exception>(() => decoder.Decode([0xbe, 0xbe, 0xbe, 0xbe, 0xbe]));
        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, refused.Fault.Code);
    }

    [Fact]
    public void AFieldLargerThanTheTableEmptiesIt()
    {
        HpackDecoder decoder = new();
        decoder.Decode(Convert.FromHexString("400161" + "0162"));
        Assert.Equal("a: b", Text(decoder.Decode([0xbe])));
        decoder.Decode([0x40, 1, (byte)'a', 0x7f, 0x81, 0x1f, .. Enumerable.Repeat((byte)'x', 127 + 1 + (31 * 128))]);
        Assert.Throws<Http2Exception>(() => decoder.Decode([0xbe]));
    }

    [Fact]
    public void RandomBlocksAreDecodedOrRefused()
    {
        Random random = new(7541);
        int refused = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] block = new byte[random.Next(1, 80)];
            random.NextBytes(block);
            try
            {
                new HpackDecoder().Decode(block);
            }
            catch (Http2Exception)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 10_000, 20_000);
    }

    private static string Text(List<HeaderField> fields) =>
        string.Join('\n', fields.Select(field => $"{Encoding.ASCII.GetString(field.Name)}: {Encoding.ASCII.GetString(field.Value)}"));
}
