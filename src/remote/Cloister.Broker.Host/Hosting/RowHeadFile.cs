using System.Globalization;
using Cloister.Broker.State.Rows;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// The newest change of the database's rows that this broker has seen, in a file of its own state directory: one line, number and MAC in hex. Written
/// beside and moved into place. Thread-safe. secrets: none.
/// </summary>
internal sealed class RowHeadFile : IRowHeadStore
{
    private const string Name = "row-head";

    private readonly string _path;
    private readonly Lock _lock = new();

    /// <summary>In a directory, which is made if it is not there.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public RowHeadFile(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }

        _path = Path.Combine(directory, Name);
    }

    /// <inheritdoc />
    public RowHead? Read()
    {
        lock (_lock)
        {
            if (!File.Exists(_path))
            {
                return null;
            }

            string[] parts = File.ReadAllText(_path).TrimEnd('\n').Split(' ');
            return parts is [var number, { Length: 64 } mac] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long seq) && mac.All(char.IsAsciiHexDigit)
                ? new RowHead(seq, Convert.FromHexString(mac))
                : throw new IOException($"{_path} is not what a broker wrote: put it back, or accept what the database has with 'cloister-broker --config FILE --accept-rows'");
        }
    }

    /// <inheritdoc />
    public void Write(RowHead head)
    {
        lock (_lock)
        {
            DurableFile.Replace(_path, string.Create(CultureInfo.InvariantCulture, $"{head.Seq} {Convert.ToHexStringLower(head.Mac)}\n"));
        }
    }
}
