using System.Buffers.Binary;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Gateway.Tests.Http2;

public sealed class TableSizeTests
{
    private static readonly List<HeaderField> Fields = [new(":status"u8.ToArray(), "200"u8.ToArray())];

    [Fact]
    public void ASizeThatCameBackWithinOneFrameIsAcknowledged()
    {
        // Source: RFC 7541, section 4.2. A peer that waits for it, as nghttp2 does, refuses the next block without it.
        Link link = new(new MemoryStream(), new Lock(), toServer: false) { Sent = _ => { } };
        link.Apply(TableSizes(0, 200));
        Assert.Equal([0x20, 0x3F, 0xA9, 0x01], Block(link)[..4]);
        link.Apply(TableSizes(200));
        Assert.NotEqual(0x20, Block(link)[0] & 0xE0);
        link.Apply(TableSizes(4096, 200));
        Assert.Equal([0x3F, 0xA9, 0x01], Block(link)[..3]);
    }

    private static byte[] TableSizes(params uint[] sizes)
    {
        byte[] payload = new byte[6 * sizes.Length];
        for (int i = 0; i < sizes.Length; i++)
        {
            payload[(6 * i) + 1] = 1;
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((6 * i) + 2), sizes[i]);
        }

        return payload;
    }

    private static byte[] Block(Link link)
    {
        link.Output.Clear();
        link.Headers(1, endsStream: true, Fields);
        return link.Output.Written[FrameHeader.Size..].ToArray();
    }
}
