//! The one wasmtime engine. What is set here decides speed and safety of every plugin; nothing here
//! knows a plugin.

use std::num::NonZeroUsize;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use crate::config::HostConfig;
use crate::gate::shares;

/// Tables that one place of the pool of instances comes with.
pub(crate) const TABLES_PER_PLACE: u32 = 4;
/// Room on a guest's fiber beyond its own stack: imports run there, as deep as on any worker thread.
const HOST_STACK_BYTES: usize = 3 << 20;

/// Makes the engine. Where the pool's address space cannot be reserved, instances are allocated one by one.
pub(crate) fn build(config: &HostConfig) -> wasmtime::Result<Engine> {
    match Engine::new(base(config).allocation_strategy(pool(config))) {
        Ok(engine) => Ok(engine),
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "no address space for a pool of instances; plugin calls will be slower"
            );
            Engine::new(base(config).allocation_strategy(InstanceAllocationStrategy::OnDemand))
        }
    }
}

fn base(config: &HostConfig) -> Config {
    let mut base = Config::new();
    base.wasm_component_model(true)
        .concurrency_support(false)
        .memory_init_cow(true)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(config.max_stack_bytes)
        .async_stack_size(config.max_stack_bytes + HOST_STACK_BYTES)
        .wasm_backtrace_max_frames(NonZeroUsize::new(16));
    base
}

/// A slot for each part an instance may need. Memory is reserved, not used: it costs address space only.
fn pool(config: &HostConfig) -> InstanceAllocationStrategy {
    let [_, _, instances] = shares(config.max_instances);
    let largest_memory = config.ceiling().memory_mib.unwrap_or(1024) as usize;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(64))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(TABLES_PER_PLACE))
        .total_stacks(instances)
        .max_core_instances_per_component(400)
        .max_memories_per_component(8)
        .max_tables_per_component(64)
        .max_component_instance_size(8 << 20)
        .max_core_instance_size(4 << 20)
        .max_tables_per_module(4)
        .max_memory_size(largest_memory << 20)
        .max_unused_warm_slots(16)
        // Kept and zeroed by hand: cheaper than giving pages back and faulting them in again.
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(32 << 10)
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
}
