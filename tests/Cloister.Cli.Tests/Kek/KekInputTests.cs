using System.IO.Pipelines;
using System.Text;
using Cloister.Cli.Kek;

namespace Cloister.Cli.Tests.Kek;

public sealed class KekInputTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 7))];

    public static TheoryData<string> Digits =>
        [Convert.ToHexString(Key), Convert.ToHexStringLower(Key), Convert.ToHexString(Key) + "\n", $"  {Convert.ToHexString(Key)}\r\n"];

    [Fact]
    public void Thirty_two_bytes() => Assert.Equal(Key, KekInput.Read(new MemoryStream(Key)));

    [Theory]
    [MemberData(nameof(Digits))]
    public void Sixty_four_digits(string text) => Assert.Equal(Key, KekInput.Read(new MemoryStream(Encoding.ASCII.GetBytes(text))));

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    public void Base64(string end) => Assert.Equal(Key, KekInput.Read(new MemoryStream(Encoding.ASCII.GetBytes(Convert.ToBase64String(Key) + end))));

    [Theory]
    [InlineData('*')]
    [InlineData('=')]
    [InlineData(' ')]
    public void Forty_four_other_characters_are_no_key(char other) =>
        Assert.Throws<CliException>(() => KekInput.Read(new MemoryStream(Encoding.ASCII.GetBytes(other + Convert.ToBase64String(Key)[1..]))));

    [Fact]
    public async Task In_pieces()
    {
        Pipe pipe = new();
        Task<byte[]> read = Task.Run(() => KekInput.Read(pipe.Reader.AsStream()), TestContext.Current.CancellationToken);
        foreach (byte[] piece in Key.Chunk(5))
        {
            await pipe.Writer.WriteAsync(piece, TestContext.Current.CancellationToken);
        }

        await pipe.Writer.CompleteAsync();
        Assert.Equal(Key, await read);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(256)]
    [InlineData(5000)]
    public void Other_lengths_of_bytes_are_refused(int length) =>
        Assert.Throws<CliException>(() => KekInput.Read(new MemoryStream(Enumerable.Repeat((byte)0xC3, length).ToArray())));
}
