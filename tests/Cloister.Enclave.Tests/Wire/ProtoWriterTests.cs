using System.Buffers;
using Cloister.Contracts.Wire;

namespace Cloister.Enclave.Tests.Wire;

public sealed class ProtoWriterTests
{
    private readonly ArrayBufferWriter<byte> _output = new();

    [Fact]
    public void Empty_values_are_left_out()
    {
        ProtoWriter writer = new(_output);
        writer.Bytes(1, default);
        writer.String(2, "");
        writer.Integer(3, 0);
        writer.Boolean(4, false);
        Assert.Equal(0, _output.WrittenCount);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(15, 127)]
    [InlineData(16, 128)]
    [InlineData(2047, 16_383)]
    [InlineData(2048, 16_384)]
    [InlineData(536_870_911, 3)]
    public void FieldSize_is_what_a_field_takes(int field, int length)
    {
        Span<byte> content = new ProtoWriter(_output).BytesField(field, length);
        content.Fill(0xEE);
        Assert.Equal(length, content.Length);
        Assert.Equal(_output.WrittenCount, ProtoWriter.FieldSize(field, length));

        ProtoReader reader = new(_output.WrittenSpan);
        Assert.True(reader.Next());
        Assert.Equal(field, reader.Field);
        Assert.Equal(length, reader.Bytes().Length);
        Assert.False(reader.Next());
    }

    [Fact]
    public void A_map_entry_without_a_value_has_a_key_only()
    {
        new ProtoWriter(_output).MapEntry(4, "a.b", default);
        Assert.Equal("22050a03612e62", Convert.ToHexStringLower(_output.WrittenSpan));
    }
}
