namespace Cloister.Attacks.Framework;

/// <summary>Who attacks; docs/threat-model.md says what each has.</summary>
internal enum Attacker
{
    /// <summary>Has a copy: of etcd, a snapshot, a backup, a disk.</summary>
    Thief,

    /// <summary>Was root on a node for a while, and took along what he could.</summary>
    Visitor,

    /// <summary>Is root on a live node, and stays.</summary>
    Resident,

    /// <summary>Runs another process on the node, without root.</summary>
    Neighbour,

    /// <summary>Writes to etcd, or stands between the gateway and etcd.</summary>
    EtcdWriter,

    /// <summary>Owns what the enclave runs on: files, clock, network, devices, restarts.</summary>
    Host,

    /// <summary>Reaches a service of ours over the network: the gateway, the broker.</summary>
    Client,

    /// <summary>Is an administrator of the broker, and dishonest.</summary>
    Insider,

    /// <summary>Writes to the broker's database.</summary>
    DatabaseWriter,

    /// <summary>Has every right, and makes a mistake.</summary>
    Operator,
}

/// <summary>What the threat model says of an attack.</summary>
internal enum Promise
{
    /// <summary>It is refused.</summary>
    Protected,

    /// <summary>It succeeds.</summary>
    NotProtected,
}

internal static class AttackerNames
{
    /// <summary>For people.</summary>
    public static string Text(this Attacker attacker) => attacker switch
    {
        Attacker.EtcdWriter => "writer of etcd",
        Attacker.Host => "hostile host",
        Attacker.Insider => "dishonest administrator",
        Attacker.DatabaseWriter => "database writer",
        Attacker.Operator => "operator's slip",
        _ => attacker.Key(),
    };

    /// <summary>For programs.</summary>
    public static string Key(this Attacker attacker) => attacker switch
    {
        Attacker.Thief => "thief",
        Attacker.Visitor => "visitor",
        Attacker.Resident => "resident",
        Attacker.Neighbour => "neighbour",
        Attacker.EtcdWriter => "etcd-writer",
        Attacker.Host => "host",
        Attacker.Client => "client",
        Attacker.Insider => "insider",
        Attacker.DatabaseWriter => "database-writer",
        Attacker.Operator => "operator",
        _ => throw new ArgumentOutOfRangeException(nameof(attacker)),
    };
}
