using Cloister.Contracts.Wire;

namespace Cloister.Enclave.Tests.Wire;

public sealed class ProtoReaderTests
{
    // Message, offset the error names, words it says.
    [Theory]
    [InlineData("80", 0, "varint is truncated")]
    [InlineData("00", 0, "field number out of range")]
    [InlineData("02 00", 0, "field number out of range")]
    [InlineData("82 80 80 80 10 00", 0, "field number out of range")]
    [InlineData("ff ff ff ff ff ff ff ff ff 01", 0, "field number out of range")]
    [InlineData("ff ff ff ff ff ff ff ff ff 02", 0, "varint is longer than 64 bits")]
    [InlineData("8a 80 80 80 80 80 80 80 80 80 00", 0, "varint is longer than 64 bits")]
    [InlineData("0b", 0, "unsupported wire type")]
    [InlineData("0c", 0, "unsupported wire type")]
    [InlineData("0e", 0, "unsupported wire type")]
    [InlineData("0f", 0, "unsupported wire type")]
    [InlineData("08", 1, "varint is truncated")]
    [InlineData("08 80", 1, "varint is truncated")]
    [InlineData("08 ff ff ff ff ff ff ff ff ff 7f", 1, "varint is longer than 64 bits")]
    [InlineData("08 80 80 80 80 80 80 80 80 80 80 01", 1, "varint is longer than 64 bits")]
    [InlineData("09 00 00 00 00 00 00 00", 1, "field is truncated")]
    [InlineData("0d 00 00 00", 1, "field is truncated")]
    [InlineData("0a", 1, "varint is truncated")]
    [InlineData("0a 01", 1, "length passes the end")]
    [InlineData("0a ff ff ff ff 07 00", 1, "length passes the end")]
    [InlineData("0a ff ff ff ff 0f 00", 1, "length passes the end")]
    [InlineData("0a ff ff ff ff ff ff ff ff ff 01 00", 1, "length passes the end")]
    [InlineData("0a 01 41 80", 3, "varint is truncated")]
    public void A_malformed_message_is_refused_with_its_offset(string hex, int offset, string words)
    {
        byte[] message = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        WireException error = Assert.Throws<WireException>(() => SkipAll(message));
        Assert.Equal(offset, error.Offset);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("08 ff ff ff ff ff ff ff ff ff 01")]
    [InlineData("08 80 00")]
    [InlineData("8a 80 00 01 41")]
    [InlineData("0a 81 00 41")]
    [InlineData("0a 00")]
    [InlineData("fa ff ff ff 0f 00")]
    public void What_the_encoding_allows_is_read(string hex)
    {
        byte[] message = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(message.Length, SkipAll(message));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(127UL)]
    [InlineData(128UL)]
    [InlineData(uint.MaxValue)]
    [InlineData(ulong.MaxValue)]
    public void Integers_come_back(ulong value)
    {
        System.Buffers.ArrayBufferWriter<byte> output = new();
        new ProtoWriter(output).Integer(3, value);
        ProtoReader reader = new(output.WrittenSpan);
        Assert.Equal(value != 0, reader.Next());
        Assert.Equal(value, value == 0 ? 0 : reader.Integer());
        Assert.False(reader.Next());
    }

    [Fact]
    public void A_field_of_another_wire_type_is_refused()
    {
        Assert.Throws<WireException>(() => First([0x08, 0x01], asInteger: false));
        Assert.Throws<WireException>(() => First([0x0a, 0x01, 0x41], asInteger: true));
        Assert.Throws<WireException>(() => First([0x0d, 1, 2, 3, 4], asInteger: true));
        Assert.Throws<WireException>(() => First([0x09, 1, 2, 3, 4, 5, 6, 7, 8], asInteger: false));
    }

    [Theory]
    [InlineData("ff")]
    [InlineData("c0 80")]
    [InlineData("ed a0 80")]
    [InlineData("f4 90 80 80")]
    [InlineData("41 e2 82")]
    public void A_string_that_is_not_UTF8_is_refused_and_the_error_holds_none_of_it(string hex)
    {
        byte[] text = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        byte[] message = [0x0a, (byte)text.Length, .. text];
        WireException error = Assert.Throws<WireException>(() =>
        {
            ProtoReader reader = new(message);
            reader.Next();
            reader.String();
        });
        Assert.Equal("string is not UTF-8 at offset 1", error.Message);
    }

    [Fact]
    public void BytesRange_names_the_content_in_place()
    {
        byte[] message = [0x10, 0x05, 0x0a, 0x03, 0x61, 0x62, 0x63, 0x18, 0x01];
        ProtoReader reader = new(message);
        reader.Next();
        reader.Skip();
        reader.Next();
        Assert.Equal("abc"u8.ToArray(), message[reader.BytesRange()]);
        Assert.Equal(7, reader.Position);
    }

    private static int SkipAll(byte[] message)
    {
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            reader.Skip();
        }

        return reader.Position;
    }

    private static void First(byte[] message, bool asInteger)
    {
        ProtoReader reader = new(message);
        reader.Next();
        if (asInteger)
        {
            reader.Integer();
        }
        else
        {
            reader.Bytes();
        }
    }
}
