using System.Text.Json;
using Cloister.Enclave.Base;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Rpc;

/// <summary>A log pipe that nobody reads.</summary>
public sealed class StandardErrorLoggerTests
{
    [Fact]
    public async Task Whoever_logs_goes_on_while_nobody_reads_and_the_log_says_how_much_is_missing()
    {
        using BlockedWriter pipe = new();
        using StandardErrorLogger logger = new(pipe);
        for (int i = 0; i < 5000; i++)
        {
            logger.Write(LogLevel.Information, 1, $"line {i}");
        }

        pipe.Open();
        await Eventually.TrueAsync(() => pipe.Text.Contains("WARNING 13", StringComparison.Ordinal), "what is missing");
        Assert.Contains("INFORMATION 1 line 0\n", pipe.Text, StringComparison.Ordinal);
        Assert.Contains("lines were not written", pipe.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("line 4999\n", pipe.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "2026-11-30T12:00:00.007Z WARNING 8 a \"b\" c\n")]
    [InlineData(true, "{\"time\":\"2026-11-30T12:00:00.007Z\",\"level\":\"WARNING\",\"id\":8,\"message\":\"a \\u0022b\\u0022 c\"}\n")]
    public void A_line_has_time_level_number_and_text_as_text_or_as_JSON(bool json, string expected)
    {
        using BlockedWriter pipe = new();
        pipe.Open();
        using (StandardErrorLogger logger = new(pipe, json, new Noon()))
        {
            logger.Write(LogLevel.Warning, 8, "a \"b\"\nc");
        }

        Assert.Equal(expected, pipe.Text);
    }

    // A name in a line can come from anywhere: half of a surrogate pair, a quote and an escape sequence leave one well-formed object.
    [Fact]
    public void Whatever_the_text_a_line_of_JSON_is_one_object()
    {
        using BlockedWriter pipe = new();
        pipe.Open();
        using (StandardErrorLogger logger = new(pipe, json: true, new Noon()))
        {
            logger.Write(LogLevel.Error, 9, "a\ud800b\u001b[31m\0\"},{\u2028\r\n");
        }

        Assert.Equal(1, pipe.Text.Count(c => c == '\n'));
        using JsonDocument line = JsonDocument.Parse(pipe.Text);
        Assert.Equal("a\ufffdb\u001b[31m\0\"},{  ", line.RootElement.GetProperty("message").GetString());
    }

    private sealed class Noon : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 11, 30, 12, 0, 0, 7, TimeSpan.Zero);
    }

    private sealed class BlockedWriter : StringWriter
    {
        private readonly ManualResetEventSlim _open = new();
        private readonly Lock _lock = new();

        internal string Text
        {
            get
            {
                lock (_lock)
                {
                    return ToString();
                }
            }
        }

        internal void Open() => _open.Set();

        public override void WriteLine(string? value)
        {
            _open.Wait();
            lock (_lock)
            {
                base.Write(value + "\n");
            }
        }

        protected override void Dispose(bool disposing)
        {
            _open.Set();
            base.Dispose(disposing);
        }
    }
}
