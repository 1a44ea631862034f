using System.Collections.Concurrent;
using Cloister.Contracts.Logs;

namespace Cloister.Enclave.Base;

/// <summary>
/// Writes one line a message to standard error: time (the host's), level, number, text, as <see cref="LogForm"/> has it. A thread of its own
/// writes: whoever logs goes on at once, also when nobody reads the pipe; lines that do not fit into the queue are counted and left out. secrets: none.
/// </summary>
internal sealed class StandardErrorLogger : IDisposable
{
    private const int QueueSize = 1024;
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(1);

    private readonly BlockingCollection<string> _lines = new(QueueSize);
    private readonly TextWriter _output;
    private readonly bool _json;
    private readonly TimeProvider _time;
    private readonly Thread _writer;
    private long _lost;

    /// <summary>Starts the thread.</summary>
    /// <param name="output">Another place than standard error, for tests; synchronized when it has to be.</param>
    /// <param name="json">A JSON object a line in place of text.</param>
    /// <param name="time">Another clock, for tests.</param>
    internal StandardErrorLogger(TextWriter? output = null, bool json = false, TimeProvider? time = null)
    {
        (_output, _json, _time) = (output ?? Console.Error, json, time ?? TimeProvider.System);
        _writer = new Thread(WriteOut) { IsBackground = true, Name = "log" };
        _writer.Start();
    }

    /// <summary>Takes a line, or leaves it out.</summary>
    internal void Write(LogLevel level, int id, string text)
    {
        try
        {
            if (!_lines.IsAddingCompleted && _lines.TryAdd(Format(level, id, text)))
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

    private string Format(LogLevel level, int id, string text) => LogForm.Line(_json, _time.GetUtcNow(), level.ToString().ToUpperInvariant(), id, text);

    private void WriteOut()
    {
        foreach (string line in _lines.GetConsumingEnumerable())
        {
            try
            {
                _output.WriteLine(line);
                if (Interlocked.Exchange(ref _lost, 0) is > 0 and var lost)
                {
                    _output.WriteLine(Format(LogLevel.Warning, 13, EnclaveLog.LinesLost(lost)));
                }
            }
            catch (Exception e) when (e is IOException or OutOfMemoryException)
            {
                // Standard error is closed, or there is no memory for it: nobody is there to be told.
            }
        }
    }
}
