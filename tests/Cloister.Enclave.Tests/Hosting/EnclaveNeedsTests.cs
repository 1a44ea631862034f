using Cloister.Enclave.Base;
using Cloister.Enclave.Configuration;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Hosting;

namespace Cloister.Enclave.Tests.Hosting;

/// <summary>What a configuration needs, and what becomes of one that needs more than there is.</summary>
public sealed class EnclaveNeedsTests
{
    private const long MiB = 1024 * 1024;

    private const string Kms = """
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: c
        provider: p
        kms: { listen: "unix:/run/kms.sock" LIMITS }
        custody: { mode: manual }
        """;

    private const string Gateway = """

        gateway:
          tls: { certificate: /a.pem, key: /a.key, clientCa: /ca.pem }
          etcd: { endpoints: ["http://127.0.0.1:2379"] }
        """;

    private static readonly EnclaveRoom Endless = new(long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue);

    [Fact]
    public void With_room_for_everything_limits_that_are_left_out_are_the_usual_ones()
    {
        EnclaveConfiguration fitted = EnclaveNeeds.Fit(Read(Kms + Gateway), Endless);
        Assert.Equal((256, 64, 16 * MiB), (fitted.Kms!.MaxConnections, fitted.Kms.MaxCalls, fitted.Kms.RequestMemory));
        Assert.Equal((256, 1024 * MiB, 512 * MiB), (fitted.Gateway!.MaxConnections, fitted.Gateway.Memory, fitted.Gateway.MaxMessageSize));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_enclave_that_was_made_for_a_configuration_finds_what_that_was_computed_for(bool gateway)
    {
        EnclaveConfiguration configuration = Read(gateway ? Kms + Gateway : Kms);
        EnclaveConfiguration small = EnclaveNeeds.WithDefaults(configuration, EnclaveNeeds.Small);
        EnclaveNeeds needs = EnclaveNeeds.Of(small);
        Assert.Equal(small, EnclaveNeeds.Fit(configuration, new EnclaveRoom(needs.Heap, needs.Enclave, needs.Threads, needs.Descriptors)));
        Assert.Equal(32, small.Kms!.MaxConnections);
        Assert.Equal(gateway ? (16, 128 * MiB) : (0, 0), (small.Gateway?.MaxConnections ?? 0, small.Gateway?.Memory ?? 0));

        // Figures of the documents: an enclave for KMS alone stays small.
        Assert.Equal(gateway ? 1024 * MiB : 512 * MiB, needs.Enclave);
        Assert.InRange(needs.Heap, 32 * MiB, gateway ? 160 * MiB : 64 * MiB);
        Assert.True(long.IsPow2(needs.Enclave));
        Assert.True(needs.Regions >= 2 * needs.Heap);
    }

    [Fact]
    public void Each_limit_counts_in_what_it_takes()
    {
        EnclaveNeeds Of(int kms, int connections, long memory) => EnclaveNeeds.Of(EnclaveNeeds.WithDefaults(Limited(kms, connections, memory), 1));
        EnclaveNeeds least = Of(10, 10, 16 * MiB);
        EnclaveNeeds more = Of(1000, 10, 16 * MiB);
        Assert.True(more.Heap > least.Heap && more.Native > least.Native, "connections of services");
        Assert.True(more.Threads >= least.Threads + 990 && more.Descriptors >= least.Descriptors + 990, "a thread and a socket each");
        more = Of(10, 100, 16 * MiB);
        Assert.True(more.Heap > least.Heap && more.Native > least.Native, "connections of the gateway");
        Assert.True(more.Threads >= least.Threads + 180 && more.Descriptors >= least.Descriptors + 180, "two threads and sockets each");
        more = Of(10, 10, 1024 * MiB);
        Assert.True(more.Native >= least.Native + (1008 * MiB), "messages are beside the heap");
    }

    [Theory]
    [InlineData("heap")]
    [InlineData("memory")]
    [InlineData("threads")]
    [InlineData("descriptors")]
    public void Limits_that_are_left_out_shrink_until_they_fit(string scarce)
    {
        EnclaveConfiguration configuration = Read(Kms + Gateway);
        EnclaveNeeds half = EnclaveNeeds.Of(EnclaveNeeds.WithDefaults(configuration, 4));
        EnclaveRoom room = scarce switch
        {
            "heap" => Endless with { Heap = half.Heap },
            "memory" => Endless with { Memory = half.Heap + half.Native },
            "threads" => Endless with { Threads = half.Threads },
            _ => Endless with { Descriptors = half.Descriptors },
        };
        EnclaveConfiguration fitted = EnclaveNeeds.Fit(configuration, room);
        Assert.True(room.Holds(EnclaveNeeds.Of(fitted)));
        Assert.Equal(64, fitted.Gateway!.MaxConnections);
    }

    [Fact]
    public void What_is_set_stays_as_it_is_or_is_refused_with_figures_and_ways_out()
    {
        EnclaveConfiguration configuration = Limited(kms: 7, connections: 1000, memory: 2048 * MiB);
        Assert.Equal((7, 1000), (EnclaveNeeds.Fit(configuration, Endless).Kms!.MaxConnections, EnclaveNeeds.Fit(configuration, Endless).Gateway!.MaxConnections));

        StartException refused = Assert.Throws<StartException>(() => EnclaveNeeds.Fit(configuration, new EnclaveRoom(64 * MiB, 512 * MiB, 100, 1024)));
        foreach (string part in (string[])[
            "MiB of heap of 64", "MiB of memory of 512", "threads of 100", "descriptors of 1024", "kms.maxConnections 7", "gateway.maxConnections 1000",
            "gateway.memoryMiB 2048", "deploy/gramine/measure", "DOTNET_GCHeapHardLimit", "TasksMax", "LimitNOFILE"])
        {
            Assert.Contains(part, refused.Message, StringComparison.Ordinal);
        }

        // Only what is missing.
        Assert.DoesNotContain(" of heap of", Assert.Throws<StartException>(() => EnclaveNeeds.Fit(configuration, Endless with { Threads = 1 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_has_a_name_and_a_number_on_each_line()
    {
        string text = EnclaveNeeds.Of(EnclaveNeeds.WithDefaults(Read(Kms), EnclaveNeeds.Small)).ToText();
        Assert.Matches("^heap [0-9]+\nregions [0-9]+\nmemory [0-9]+\nenclave [0-9]+\nthreads [0-9]+\ndescriptors [0-9]+\n$", text);
    }

    private static EnclaveConfiguration Limited(int kms, int connections, long memory)
    {
        EnclaveConfiguration configuration = EnclaveConfigurationReader.Read($"{Kms.Replace("LIMITS", $", maxConnections: {kms}", StringComparison.Ordinal)}{Gateway}");
        GatewayOptions gateway = configuration.Gateway! with { MaxConnections = connections, Memory = memory };
        return configuration with { Gateway = gateway };
    }

    private static EnclaveConfiguration Read(string text) => EnclaveConfigurationReader.Read(text.Replace("LIMITS", "", StringComparison.Ordinal));
}
