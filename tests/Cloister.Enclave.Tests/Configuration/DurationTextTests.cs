using Cloister.Enclave.Configuration;

namespace Cloister.Enclave.Tests.Configuration;

public sealed class DurationTextTests
{
    [Theory]
    [InlineData("0ms", 0L)]
    [InlineData("1ms", 1L)]
    [InlineData("999ms", 999L)]
    [InlineData("2s", 2000L)]
    [InlineData("90s", 90_000L)]
    [InlineData("10m", 600_000L)]
    [InlineData("24h", 86_400_000L)]
    [InlineData("256204778h", 922_337_200_800_000L)]
    public void Read(string text, long milliseconds)
    {
        bool read = DurationText.TryParse(text, out TimeSpan duration);
        Assert.Equal((true, milliseconds), (read, duration.Ticks / TimeSpan.TicksPerMillisecond));
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("5")]
    [InlineData("5 s")]
    [InlineData("-5s")]
    [InlineData("+5s")]
    [InlineData("1.5s")]
    [InlineData("5S")]
    [InlineData("5d")]
    [InlineData("5us")]
    [InlineData("1m30s")]
    [InlineData("256204779h")]
    [InlineData("999999999h")]
    [InlineData("1000000000h")]
    [InlineData("٣s")]
    public void Refused(string text) => Assert.False(DurationText.TryParse(text, out _));

    [Theory]
    [InlineData("1ms")]
    [InlineData("1500ms")]
    [InlineData("90s")]
    [InlineData("5m")]
    [InlineData("24h")]
    public void Written_as_it_was_read(string text)
    {
        Assert.True(DurationText.TryParse(text, out TimeSpan duration));
        Assert.Equal(text, DurationText.Format(duration));
    }
}
