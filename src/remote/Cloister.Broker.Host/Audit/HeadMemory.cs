using Cloister.Broker.Host.Configuration;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Host.Audit;

/// <summary>
/// The newest head that this broker signed, in a file on its own machine: whoever writes the database only cannot make it forget. Each broker of a database
/// has its own. Thread-safe. secrets: none.
/// </summary>
internal sealed class HeadMemory
{
    private readonly Lock _lock = new();
    private readonly string? _path;

    private HeadMemory(string? path) => _path = path;

    /// <summary>Where it is; null: there is no place for it.</summary>
    public string? Path => _path;

    /// <summary>
    /// The memory for a log of an authority: in the configured directory, else the broker's own (<c>stateDirectory</c>), else the state directory that systemd gives, else beside the root key's file, else
    /// beside a SQLite database.
    /// </summary>
    public static HeadMemory Of(BrokerConfiguration configuration, string authority)
    {
        string? directory = configuration.Audit.Directory
            ?? configuration.StateDirectory
            ?? Environment.GetEnvironmentVariable("STATE_DIRECTORY")?.Split(':')[0]
            ?? System.IO.Path.GetDirectoryName(configuration.RootKey.File)
            ?? System.IO.Path.GetDirectoryName(DatabaseAddress.Parse(configuration.Database).File);
        return new HeadMemory(directory is null ? null : System.IO.Path.Combine(directory, $"audit-head-{authority}.json"));
    }

    /// <summary>What is remembered; null: nothing yet.</summary>
    /// <exception cref="BrokerStateException">The file is there and cannot be read, or is damaged.</exception>
    public RememberedHead? Read()
    {
        try
        {
            return _path is not null && File.Exists(_path) ? RememberedHead.Parse(File.ReadAllText(_path)) : null;
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new BrokerStateException(
                BrokerStateError.AuditConflict, $"what this broker remembers of the audit log cannot be read: {_path}: {e.Message}. See docs/audit-log.md, 'When a broker refuses the log'");
        }
    }

    /// <summary>Remembers, durably and whole. A head that is behind what is there already is not written: another broker may share the directory.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(RememberedHead head)
    {
        lock (_lock)
        {
            if (_path is null || (File.Exists(_path) && Read() is { } before && before.Origin == head.Origin && before.Size > head.Size))
            {
                return;
            }

            DurableFile.Replace(_path, head.ToText());
        }
    }

    /// <summary>Forgets, on an operator's word.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public void Forget()
    {
        // A directory that is not there yet remembers nothing.
        if (File.Exists(_path))
        {
            File.Delete(_path);
        }
    }
}
