using Cloister.Enclave.Hosting;
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
