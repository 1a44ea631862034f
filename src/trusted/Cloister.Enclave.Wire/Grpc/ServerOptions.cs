using Cloister.Sockets;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>Where a server listens and what it bears. secrets: none.</summary>
public sealed record ServerOptions
{
    /// <summary><see cref="MaxConnections"/> when nobody says.</summary>
    public const int DefaultMaxConnections = 256;

    /// <summary>Address.</summary>
    public required ListenAddress Address { get; init; }

    /// <summary>Who may connect, for unix sockets.</summary>
    public SocketPermissions Permissions { get; init; } = new();

    /// <summary>
    /// Keys that may connect where no kernel says who is there (TCP, vsock): SHA-256 of SubjectPublicKeyInfo, shown in TLS. Empty: anybody may.
    /// </summary>
    public IReadOnlyList<byte[]> RelayPins { get; init; } = [];

    /// <summary>Connections at the same time; idle ones give way to new ones. 0, as read from a configuration: as many as fit.</summary>
    public int MaxConnections { get; init; } = DefaultMaxConnections;

    /// <summary>Calls at the same time in each.</summary>
    public int MaxCalls { get; init; } = 64;

    /// <summary>Bytes of requests at the same time, whole or not; half-sent ones give way to new ones.</summary>
    public int RequestMemory { get; init; } = 16 * 1024 * 1024;

    /// <summary>Bytes of the largest message.</summary>
    public int MaxMessageSize { get; init; } = (1024 + 64) * 1024;
}
