using System.Security.Cryptography;
using Cloister.Cli.Demo;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Demo;

[Collection(nameof(Alone))]
public sealed class MemoryScanTests
{
    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(7_654_321)]
    [InlineData(ProcessWithBytes.Size - 32)]
    public async Task A_key_at_any_offset_is_found_once(int offset)
    {
        byte[] bytes = new byte[ProcessWithBytes.Size];
        Key.CopyTo(bytes, offset);
        using ProcessWithBytes process = new(bytes);
        MemoryScan scan = new([Key]);

        await Eventually.TrueAsync(() => scan.Count(process.Id) == 1, "found once");

        Assert.InRange(scan.BytesRead, ProcessWithBytes.Size, long.MaxValue);
    }

    // Keys stand side by side at a distance of 33 bytes, so that every boundary between chunks cuts one.
    [Fact]
    public async Task Keys_across_the_boundaries_of_chunks_are_found_and_none_is_counted_twice()
    {
        byte[] bytes = new byte[ProcessWithBytes.Size];
        int planted = 0;
        for (int offset = 0; offset + Key.Length <= bytes.Length; offset += Key.Length + 1)
        {
            Key.CopyTo(bytes, offset);
            planted++;
        }

        using ProcessWithBytes process = new(bytes);
        MemoryScan scan = new([Key]);

        await Eventually.TrueAsync(() => scan.Count(process.Id) == planted, $"found {planted} times");
    }

    [Fact]
    public async Task Nothing_is_found_that_is_not_there()
    {
        byte[] marker = RandomNumberGenerator.GetBytes(32);
        byte[] bytes = new byte[ProcessWithBytes.Size];
        marker.CopyTo(bytes, bytes.Length - 32);

        // All but the last byte, and all but the first.
        Key.AsSpan(0, 31).CopyTo(bytes.AsSpan(1_000_001));
        Key.AsSpan(1).CopyTo(bytes.AsSpan(2_000_001));
        using ProcessWithBytes process = new(bytes);
        await Eventually.TrueAsync(() => new MemoryScan([marker]).Count(process.Id) == 1, "everything is there");

        Assert.Equal(0, new MemoryScan([Key]).Count(process.Id));
    }

    [Fact]
    public async Task Each_of_many_keys_is_found_also_where_they_begin_alike()
    {
        byte[][] keys = [.. Enumerable.Range(0, 100).Select(i => (byte[])[.. Key.AsSpan(0, 30), (byte)i, 0])];
        byte[] bytes = new byte[ProcessWithBytes.Size];
        for (int i = 0; i < keys.Length; i++)
        {
            keys[i].CopyTo(bytes, 12_345 + (i * 101_011));
        }

        using ProcessWithBytes process = new(bytes);
        MemoryScan scan = new(keys);

        await Eventually.TrueAsync(() => scan.Count(process.Id) == keys.Length, "every key");
    }

    [Fact]
    public void Memory_that_cannot_be_read_is_an_error_and_not_an_absence() =>
        Assert.Throws<CliException>(() => new MemoryScan([Key]).Count(int.MaxValue));
}
