using Cloister.Sockets;

namespace Cloister.Enclave.Rpc;

/// <summary>Where a server listens and what it bears. secrets: none.</summary>
public sealed record ServerOptions
{
    /// <summary>Address.</summary>
    public required ListenAddress Address { get; init; }

    /// <summary>Who may connect, for unix sockets.</summary>
    public SocketPermissions Permissions { get; init; } = new();

    /// <summary>Connections at the same time; more are closed at once.</summary>
    public int MaxConnections { get; init; } = 1024;

    /// <summary>Bytes of the largest message.</summary>
    public int MaxMessageSize { get; init; } = (1024 + 64) * 1024;
}
