using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;
using Cloister.Gramine.Tests.Ground;

namespace Cloister.Gramine.Tests.Ground
{
    /// <summary>A node as the conformance cases drive a plugin: the API server connects to the relay's socket.</summary>
    internal sealed class GraminePlugin : IPluginUnderTest
    {
        private SgxNode? _node;

        public string ProviderName => "tee";

        public string Socket => Node.KmsSocket;

        public string RelayTarget => throw new NotSupportedException("it has its relay");

        public string EncryptionConfiguration => KmsProvider.Configuration(new KmsProvider("v2", ProviderName, Socket));

        private SgxNode Node => _node ?? throw new InvalidOperationException("the node was not started");

        public async Task StartAsync(CancellationToken cancellation)
        {
            _node ??= await SgxNode.PrepareAsync();
            _node.StartEnclave();
            await _node.UntilServingAsync();
        }

        public async Task StopAsync() => Assert.Equal(0, (await Node.StopEnclaveAsync()).ExitCode);

        public Task KillAsync() => Node.Enclave.KillAsync();

        public Task RotateAsync(CancellationToken cancellation) => Node.Admin.RotateAsync(SgxNode.Kek);

        public Task FailStatusAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public async ValueTask DisposeAsync()
        {
            if (_node is not null)
            {
                await _node.DisposeAsync();
            }
        }
    }
}

namespace Cloister.Conformance.Plugins
{
    /// <summary>Every conformance case here has a node.</summary>
    internal static class PluginsUnderTest
    {
        public static Task PrepareAsync() => Task.CompletedTask;

        public static IPluginUnderTest Create(Way way, HarnessPrograms programs, string folder) => new GraminePlugin();
    }
}
