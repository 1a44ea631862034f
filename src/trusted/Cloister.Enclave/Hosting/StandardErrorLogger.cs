using System.Collections.Concurrent;

namespace Cloister.Enclave.Hosting;

/// <summary>
/// Writes one line a message to standard error: level, number, text. The supervisor adds the time, which here belongs to the host. A thread of its own
/// writes: whoever logs goes on at once, also when nobody reads the pipe; lines that do not fit into the queue are counted and left out. secrets: none.
/// </summary>
internal sealed class StandardErrorLogger : IDisposable
{
    private const int QueueSize = 1024;
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(1);

    private readonly BlockingCollection<string> _lines = new(QueueSize);
    private readonly TextWriter _output;
    private readonly Thread _writer;
    private long _lost;

    /// <summary>Starts the thread.</summary>
    /// <param name="output">Another place than standard error, for tests; synchronized when it has to be.</param>
    internal StandardErrorLogger(TextWriter? output = null)
    {
        _output = output ?? Console.Error;
        _writer = new Thread(WriteOut) { IsBackground = true, Name = "log" };
        _writer.Start();
    }

    /// <summary>Takes a line, or leaves it out.</summary>
    internal void Write(LogLevel level, int id, string text)
    {
        try
        {
            if (!_lines.IsAddingCompleted && _lines.TryAdd($"{level.ToString().ToUpperInvariant()} {id} {text.ReplaceLineEndings(" ")}"))
            {
                return;
            }
        }
        catch (OutOfMemoryException)
        {
            // Whoever logs goes on.
        }

        Interlocked.Increment(ref _lost);
    }

    /// <summary>Writes what is left, if somebody reads it within a second. Called once, when nobody logs any more.</summary>
    public void Dispose()
    {
        _lines.CompleteAdding();
        _writer.Join(LastLines);
    }

    private void WriteOut()
    {
        foreach (string line in _lines.GetConsumingEnumerable())
        {
            try
            {
                _output.WriteLine(line);
                if (Interlocked.Exchange(ref _lost, 0) is > 0 and var lost)
                {
                    _output.WriteLine(EnclaveLog.LinesLost(lost));
                }
            }
            catch (Exception e) when (e is IOException or OutOfMemoryException)
            {
                // Standard error is closed, or there is no memory for it: nobody is there to be told.
            }
        }
    }
}
