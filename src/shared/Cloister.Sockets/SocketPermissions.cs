namespace Cloister.Sockets;

/// <summary>Who may connect to a unix socket.</summary>
public sealed record SocketPermissions
{
    /// <summary>Mode of the socket file.</summary>
    public UnixFileMode Mode { get; init; } = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Owner to give the socket file, or null for the one of this process.</summary>
    public uint? Owner { get; init; }

    /// <summary>Group to give the socket file, or null for the one of this process.</summary>
    public uint? Group { get; init; }

    /// <summary>User ids whose processes may connect; empty: the owner of this process and root.</summary>
    public IReadOnlyList<uint> AllowedUids { get; init; } = [];

    /// <summary>The users whose processes may connect.</summary>
    public IReadOnlySet<uint> EffectiveUids() =>
        AllowedUids.Count > 0 ? AllowedUids.ToHashSet() : new HashSet<uint> { 0, SocketCalls.EffectiveUserId() };
}
