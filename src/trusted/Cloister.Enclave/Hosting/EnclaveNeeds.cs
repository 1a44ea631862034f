using System.Numerics;
using Cloister.Enclave.Base;
using Cloister.Enclave.Configuration;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Wire.Grpc;

namespace Cloister.Enclave.Hosting;

/// <summary>
/// What a configuration needs at most, whatever its peers do: the limits that it sets, and those that it leaves out. Checked at start, and what
/// deploy/gramine/measure makes the manifest of. secrets: none.
/// </summary>
/// <param name="Heap">Bytes of the collector's heap.</param>
/// <param name="Native">Bytes beside it: large messages, TLS, stacks, the program.</param>
/// <param name="Threads">Threads.</param>
/// <param name="Descriptors">Open files and sockets.</param>
public sealed record EnclaveNeeds(long Heap, long Native, int Threads, int Descriptors)
{
    /// <summary>In place of a limit that the configuration leaves out: as much as there is room for.</summary>
    internal const int AsFits = 0;

    /// <summary>The share of the usual limits that an enclave of SGX has, which is as large as it is made.</summary>
    internal const int Small = 16;

    private const int Smallest = 32;

    private const long KiB = 1024;
    private const long MiB = 1024 * KiB;

    // The process without connections, and what its sockets, logs and timers hold.
    private const long BaseHeap = 8 * MiB;
    private const long BaseNative = 64 * MiB;
    private const int BaseThreads = 16;
    private const int BaseDescriptors = 64;
    private const int PoolThreads = 32;
    private const long PoolStack = MiB;
    private const int SpareSecretSlots = 4096;

    // A secret that is kept, with its name in a table.
    private const long CachedSecret = 512;

    // A connection to a socket of services, its buffers for frames in both directions and what it knows of headers and streams.
    private const long Connection = 192 * KiB;

    // A call whose answer waits for its client has given nothing back, and one that is over is kept for the next.
    private const long KeptCalls = 512 * RequestBudget.CallSize;

    // Buffers for frames in both directions on both sides, and the calls and queues that count with it.
    private const long GatewayConnectionHeap = 1536 * KiB;

    // OpenSSL's, for one side.
    private const long TlsSide = 128 * KiB;

    // What is left of a heap that is in use has holes, and gen0 has to fit.
    private const long HeapUnit = 16 * MiB;

    // Gramine's own, and its mappings of files.
    private const long GramineMemory = 48 * MiB;

    /// <summary>Addresses that the collector may use: when these are used up before the heap's limit is reached, .NET ends the process.</summary>
    public long Regions => (2 * Heap) + (64 * MiB);

    /// <summary>Bytes of an enclave of SGX, which has everything that is reserved: a power of two.</summary>
    public long Enclave => (long)BitOperations.RoundUpToPowerOf2((ulong)(Regions + Native + GramineMemory));

    /// <summary>What a configuration needs that leaves no limit out (<see cref="WithDefaults"/>).</summary>
    public static EnclaveNeeds Of(EnclaveConfiguration configuration)
    {
        long heap = BaseHeap;
        long native = BaseNative + PinnedBuffers.MaxKept + (SecretSlots(configuration) * (long)SecretArena.SlotSize);
        int threads = BaseThreads + PoolThreads;
        int descriptors = BaseDescriptors;
        int serving = 0;
        foreach (ServerOptions server in Servers(configuration))
        {
            int waiting = ConnectionTable.MaxWaiting(server.MaxConnections);
            int connections = server.MaxConnections + (2 * waiting);

            // Those that are closing have what they had when they were open.
            heap += server.RequestMemory + KeptCalls + (connections * Connection);

            // Requests and their answers.
            native += (2L * server.RequestMemory) + (connections * (ServerConnection.StackSize + (server.RelayPins.Count > 0 ? TlsSide : 0)));
            serving += connections + 1;
            descriptors += connections;
        }

        native += threads * PoolStack;
        threads += serving;
        heap += SecretSlots(configuration) * CachedSecret;
        if (configuration.Gateway is { } gateway)
        {
            int connections = gateway.MaxConnections + GatewayConnections.MaxHandshakes(gateway.MaxConnections);

            // And where the values of lists are: as much as a quarter of these, if they are many and small.
            heap += (connections * GatewayConnectionHeap) + gateway.CallMemory + (gateway.Memory / 4);
            native += gateway.Memory + (connections * 2 * (TlsSide + GatewayConnection.StackSize));
            threads += 2 * connections;
            descriptors += (2 * connections) + GatewayListener.MaxSilent;
        }

        return new EnclaveNeeds((heap + (heap / 4) + HeapUnit - 1) / HeapUnit * HeapUnit, native, threads, descriptors);
    }

    /// <summary>How many secrets are in memory at most.</summary>
    internal static int SecretSlots(EnclaveConfiguration configuration) =>
        SpareSecretSlots
        + (configuration.Custody == "remote" ? configuration.Remote.CacheEntries + configuration.Remote.PoolSize : 0)
        + (configuration.Gateway?.Seeds.CacheCapacity ?? 0);

    /// <summary>Puts a share of the usual limits where the configuration leaves them out.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="share">1 for all of them, 2 for half.</param>
    internal static EnclaveConfiguration WithDefaults(EnclaveConfiguration configuration, int share)
    {
        ServerOptions? Server(ServerOptions? server) => server is null ? null : server with
        {
            MaxConnections = server.MaxConnections == AsFits ? Math.Max(ServerOptions.DefaultMaxConnections / share, 32) : server.MaxConnections,
            MaxCalls = Math.Max(server.MaxCalls / share, 16),
            RequestMemory = Math.Max(server.RequestMemory / share, Math.Max((int)(8 * MiB), 4 * server.MaxMessageSize)),
        };

        GatewayOptions? gateway = configuration.Gateway;
        if (gateway is not null)
        {
            long memory = gateway.Memory == AsFits ? Math.Min(2048 / share, 1024) * MiB : gateway.Memory;
            gateway = gateway with
            {
                MaxConnections = gateway.MaxConnections == AsFits ? 256 / share : gateway.MaxConnections,
                Memory = memory,
                MaxMessageSize = gateway.MaxMessageSize == AsFits ? (int)Math.Min(memory / 2, 512 * MiB) : gateway.MaxMessageSize,
            };
        }

        return configuration with
        {
            Kms = Server(configuration.Kms), Admin = Server(configuration.Admin), Secrets = Server(configuration.Secrets), Gateway = gateway,
        };
    }

    /// <summary>The configuration with as much as fits where it leaves a limit out.</summary>
    /// <exception cref="StartException">What it sets, with the least of the rest, does not fit.</exception>
    internal static EnclaveConfiguration Fit(EnclaveConfiguration configuration, EnclaveRoom room)
    {
        for (int share = 1; ; share *= 2)
        {
            EnclaveConfiguration fitted = WithDefaults(configuration, share);
            EnclaveNeeds needs = Of(fitted);
            if (room.Holds(needs))
            {
                return fitted;
            }

            if (share == Smallest)
            {
                throw new StartException(Refusal(fitted, needs, room));
            }
        }
    }

    /// <summary>Never more threads than are counted, whatever the number of processors.</summary>
    internal static void BoundThreads()
    {
        ThreadPool.SetMinThreads(Math.Min(Environment.ProcessorCount, PoolThreads), 1);
        ThreadPool.SetMaxThreads(PoolThreads, PoolThreads);
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1");
    }

    /// <summary>Lines of a name and a number, for the manifest.</summary>
    internal string ToText() => $"heap {Heap}\nregions {Regions}\nmemory {Heap + Native}\nenclave {Enclave}\nthreads {Threads}\ndescriptors {Descriptors}\n";

    private static IEnumerable<ServerOptions> Servers(EnclaveConfiguration configuration) =>
        new[] { configuration.Kms, configuration.Admin, configuration.Secrets }.OfType<ServerOptions>();

    private static string Refusal(EnclaveConfiguration configuration, EnclaveNeeds needs, EnclaveRoom room)
    {
        List<string> limits = [];
        foreach ((string name, ServerOptions? server) in new[] { ("kms", configuration.Kms), ("admin", configuration.Admin), ("secrets", configuration.Secrets) })
        {
            if (server is not null)
            {
                limits.Add($"{name}.maxConnections {server.MaxConnections}");
            }
        }

        if (configuration.Gateway is { } gateway)
        {
            limits.Add($"gateway.maxConnections {gateway.MaxConnections}, gateway.memoryMiB {gateway.Memory / MiB}");
        }

        return $"the limits of the configuration need more than there is: {room.Against(needs)}. They are {string.Join(", ", limits)}: lower those that you set, or leave them out for what fits; "
            + "or give more: in SGX measure with this configuration (deploy/gramine/measure sets what it needs), elsewhere raise DOTNET_GCHeapHardLimit, the memory of machine or container, TasksMax or LimitNOFILE";
    }
}
