using Microsoft.Extensions.Logging;

namespace Cloister.Broker.Host.Hosting;

/// <summary>Everything a broker logs, on standard error. What happens to enclaves and keys is in the audit log. secrets: none.</summary>
internal sealed partial class BrokerLog(ILogger<BrokerLog> logger)
{
    /// <summary>Started.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "cloister-broker {Version}: authority {Authority}, {Database}, key stores {Stores}")]
    public partial void Started(string version, string authority, object database, object stores);

    /// <summary>A development root key.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "THE ROOT KEY IS A FILE: {Path}. Whoever reads it and the database has every KEK. For development only.")]
    public partial void FileRootKey(string path);

    /// <summary>A policy lets simulated TEEs in.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "policy {Policy} trusts roots of its own: SIMULATED TEEs may get the KEKs it governs")]
    public partial void OwnRoots(string policy);

    /// <summary>Nobody can administer it.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "the configuration has no section admin: nobody can make KEKs or policies")]
    public partial void NoAdministration();

    /// <summary>A part that is needed does not answer.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "{Route}: {Problem}")]
    public partial void Unavailable(string route, string problem);

    /// <summary>A failure of this program.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "{Route}: failed")]
    public partial void Failed(string route, Exception exception);

    /// <summary>Background work failed; it is tried again.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "{Work} failed and is tried again: {Problem}")]
    public partial void BackgroundFailed(string work, string problem);

    /// <summary>Key versions are gone.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "destroyed {Count} KEK versions whose time had come")]
    public partial void Destroyed(int count);

    /// <summary>Stopping.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "stopping")]
    public partial void Stopping();
}
