using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;
using Cloister.EnclaveVm.Tests.Ground;

namespace Cloister.EnclaveVm.Tests.Ground
{
    /// <summary>A node as the conformance cases drive a plugin: the API server connects to the relay's socket.</summary>
    internal sealed class VmPlugin : IPluginUnderTest
    {
        private VmNode? _node;

        public string ProviderName => "tee";

        public string Socket => Node.KmsSocket;

        public string RelayTarget => throw new NotSupportedException("it has its relay");

        public string EncryptionConfiguration => KmsProvider.Configuration(new KmsProvider("v2", ProviderName, Socket));

        internal VmNode Node => _node ?? throw new InvalidOperationException("the node was not started");

        /// <summary>From the start of <c>cloister vm run</c> to the first Status that is <c>ok</c>.</summary>
        internal TimeSpan StartTime { get; private set; }

        public async Task StartAsync(CancellationToken cancellation)
        {
            _node ??= await VmNode.PrepareAsync();
            StartTime = await _node.StartServingAsync();
        }

        public async Task StopAsync() => Assert.True(await Node.Machine.TerminateAsync(TimeSpan.FromSeconds(5)), "it did not stop within 5 s");

        public Task KillAsync() => Node.Machine.KillAsync();

        public Task RotateAsync(CancellationToken cancellation) => Node.Admin.RotateAsync(VmNode.Kek);

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
        public static Task PrepareAsync()
        {
            VmPrograms.Require();
            return Task.CompletedTask;
        }

        public static IPluginUnderTest Create(Way way, HarnessPrograms programs, string folder) => new VmPlugin();
    }
}
